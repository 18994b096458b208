// One private endpoint for each thing that is reached, and its records in the zones that are given.

@description('Region: the subnet\'s.')
param location string

@description('Tags.')
param tags object

@description('Subnet for the endpoints.')
param subnetId string

@description('name (also the sub-resource: blob, table, vault, queue) and id of each thing that is reached.')
param targets array

@description('Ids of the zones, one for each target in the same order. Empty: somebody else makes the records.')
param zoneIds array

resource endpoints 'Microsoft.Network/privateEndpoints@2024-05-01' = [for target in targets: {
  name: 'pe-sweep-${target.name}'
  location: location
  tags: tags
  properties: {
    subnet: {
      id: subnetId
    }
    privateLinkServiceConnections: [
      {
        name: target.name
        properties: {
          privateLinkServiceId: target.id
          groupIds: [
            target.name
          ]
        }
      }
    ]
  }
}]

resource zoneGroups 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-05-01' = [for (id, index) in zoneIds: {
  parent: endpoints[index]
  name: 'default'
  properties: {
    privateDnsZoneConfigs: [
      {
        name: targets[index].name
        properties: {
          privateDnsZoneId: id
        }
      }
    ]
  }
}]
